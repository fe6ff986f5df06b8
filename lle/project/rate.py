"""User studies: a form with blinded pairs, and scores from its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lle.errors import ConfigError
from lle.project.datasets import Datasets

if TYPE_CHECKING:
    from lle.rate.form import Design
    from lle.results.rating import Rating

FORMS = Path("build/rate")


class Rated(Datasets):
    """What a project does with people's judgement."""

    def rate_form(
        self,
        methods: Sequence[str],
        pictures: str | Path,
        folders: Mapping[str, Path] | None = None,
        design: Design | None = None,
        out: Path | None = None,
        force: bool = False,
    ) -> list[Path]:
        """Makes a page on which people compare methods by blinded pairs, and its key, and returns both files.

        Args:
            methods: ids, or `input` for the pictures as they are.
            pictures: a data set, whose test pictures are taken, or a folder of dark pictures.
            folders: folders of pictures that were enhanced elsewhere, by the name of their method; the names of the pictures are those
                of the dark ones.
            design: how many pictures, pairs and raters, and the seed; None takes the usual.
            out: folder of both files; None takes `build/rate/<name of the pictures>`.
            force: replace another form there.

        Raises:
            LleError: there is no such method, data set or folder, fewer than two methods, or a picture is missing.
        """
        from lle.data.pairs import open_prepared
        from lle.measure.method import open_method
        from lle.rate import form
        from lle.rate.pictures import Source, made_by, made_elsewhere, of_dataset, of_folder
        from lle.results.quality import INPUT

        design, folders = design or form.Design(), folders or {}
        named = [*methods, *folders]
        if len(set(named)) != len(named):
            raise ConfigError(f"a method is named twice: {', '.join(sorted({name for name in named if named.count(name) > 1}))}.")
        given = [f"--folder={name}={folder}" for name, folder in folders.items()]
        origin: dict[str, Any] = {"command": self.command("rate", "page", *methods, str(pictures), *given, *design.options())}
        if Path(pictures).is_dir():
            darks, dataset = of_folder(Path(pictures), design.pictures), Path(pictures).resolve().name
        else:
            dataset = str(pictures)
            self.require_prepared(dataset)
            prepared = open_prepared(dataset, self.data)
            darks, origin["data_digest"] = of_dataset(prepared, design.pictures), prepared.digest
        sources: dict[str, Source] = {}
        for name in methods:
            enhance = (lambda low: low) if name == INPUT else open_method(name, self.params, self.models)[0].enhance
            sources[name] = made_by(name, enhance)
        sources |= {name: made_elsewhere(name, folder, darks) for name, folder in folders.items()}
        return form.write_form(out or self.root / FORMS / dataset, dataset, darks, sources, design, origin, force)

    def rate_scores(self, files: Sequence[Path], key: Path | None = None) -> Rating:
        """Scores the methods of a form from the answers of its raters, and writes `reports/rate/<name>.json`.

        Args:
            files: CSV files that the form has written.
            key: of the form; None looks for it in `build/rate`.

        Raises:
            LleError: a file is not of the form, two files contradict each other, or methods were never compared.
        """
        from lle.rate.answers import find_key, read_answers, study_of
        from lle.rate.key import Key
        from lle.rate.result import write_rating

        found = Key.read(key or find_key(study_of(files), self.root / FORMS))
        command = self.command("rate", "scores", *map(str, files), *([] if key is None else [f"--key={key}"]))
        return write_rating(read_answers(files, found), found, self.reports, command)
