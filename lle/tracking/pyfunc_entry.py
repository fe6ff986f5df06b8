"""What MLflow runs to load a logged model."""

from mlflow.models import set_model

from lle.tracking.model import EnhancerModel

set_model(EnhancerModel())
