"""`pairs.csv`: a list of pairs as people write it, in the encodings that spreadsheets write and with the paths of other machines."""

from __future__ import annotations

import csv
import io
import os
import re
from pathlib import Path, PurePosixPath
from typing import Any

from lle.data.folders import Found, LeftOut
from lle.data.images import shown
from lle.data.pairs import SPLITS, Row
from lle.errors import DataError

_PATHS = ("low", "normal", "mask")


def read_pairs(source: Path, paired: bool | None = None, orphans: bool = False) -> Found:
    """Reads `pairs.csv`: columns at least `low` and `normal`, with `split`, `scene` and `mask` if there are any.

    Paths are relative to the folder, or absolute; of an absolute path that is not there the end is looked for in the folder, and
    backslashes separate as well. The list is UTF-8, UTF-16, GBK or Latin-1, as far as its content tells which.

    Args:
        source: the folder.
        paired: True requires a reference in every line.
        orphans: leave out lines whose file is not there, or that have no reference where one is required.

    Raises:
        DataError: a column is missing, a line names what is not there, or the encoding cannot be told; the line is named.
    """
    file = source / "pairs.csv"
    text = decode(file, source)
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    columns = [name.strip().lower() for name in next(reader, [])]
    if not {"low", "normal"} <= set(columns):
        raise DataError(f"{file} needs the columns low and normal in its first line; it has {', '.join(filter(None, columns)) or 'none'}.")
    rows: list[Row] = []
    left_out: list[LeftOut] = []
    for line in reader:
        cells = dict(zip(columns, (cell.strip() for cell in line), strict=False))
        if not any(line):
            continue
        number = reader.line_num
        paths: dict[str, Any] = {}
        gone = None
        for column in _PATHS:
            if cells.get(column):
                paths[column] = locate(cells[column], source)
                gone = gone or (column if paths[column] is None else None)
        if gone is None and paired and not (paths.get("low") and paths.get("normal")):
            gone = "normal" if paths.get("low") else "low"
        if gone is not None and orphans and paths:
            left_out.append((file / f"line {number}", f"{gone} is not there"))
            continue
        if gone is not None and cells.get(gone):
            raise DataError(f"{file}, line {number}: {gone} names {cells[gone]}, which is not there.")
        if not paths:
            raise DataError(f"{file}, line {number}: both low and normal are empty.")
        if gone is not None:
            raise DataError(f"{file}, line {number}: {gone} is empty, and `paired` is true. Fill it in, or set `paired: false`.")
        partner = paths.get("normal") or paths.get("low") or paths["mask"]
        split = cells.get("split") or ("test" if "split" not in columns else "")
        if split not in SPLITS:
            raise DataError(f"{file}, line {number}: the split is '{split}'; it must be one of {', '.join(SPLITS)}.")
        scene = cells.get("scene") or shown(partner.stem)
        if paired is False and len(paths) > 1 and "mask" not in paths:
            rows += [Row(split, scene, **{column: path}) for column, path in paths.items()]
        else:
            rows.append(Row(split, scene, **paths))
    if not rows:
        raise DataError(f"{file} has no line below its head.")
    return Found(rows, "split" in columns, left_out)


def locate(cell: str, source: Path) -> Path | None:
    """Returns the file that a cell of the list means, below `source` where it is there; None where there is none."""
    ways = [cell, cell.replace("\\", "/")]
    for text in ways:
        for path in (source / text, source / os.fsdecode(text.encode("gb18030"))):
            if path.is_file():
                absolute, home = Path(os.path.abspath(path)), Path(os.path.abspath(source))
                return source / absolute.relative_to(home) if Path(text).is_absolute() and absolute.is_relative_to(home) else path
    parts = PurePosixPath(ways[1]).parts
    if parts and (parts[0] == "/" or re.fullmatch(r"[A-Za-z]:", parts[0])):
        tails = (source.joinpath(*parts[start:]) for start in range(1, len(parts)))
        return next((path for path in tails if path.is_file()), None)
    return None


def decode(file: Path, source: Path) -> str:
    """Reads a list as text, in the encoding that its bytes and the files it names speak for.

    Raises:
        DataError: several encodings are possible; the first line in doubt is named.
    """
    data = file.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    if data[:64].count(0) * 3 > len(data[:64]):
        return data.decode("utf-16-le" if data[:1] != b"\0" else "utf-16-be", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
    latin = data.decode("latin-1")
    try:
        chinese = data.decode("gb18030")
    except UnicodeDecodeError:
        return latin
    there = [text for text in (chinese, latin) if _named_files(text, source)]
    if len(there) == 1:
        return there[0]
    # Common characters of Chinese have a first byte of B0 to D7; two accented letters in a row, which look alike, hardly ever.
    pairs = re.findall(rb"[\x80-\xff][\x40-\xff]", data)
    common = sum(0xB0 <= pair[0] <= 0xD7 and pair[1] >= 0xA1 for pair in pairs) / len(pairs)
    if common >= 0.6:
        return chinese
    if common == 0:
        return latin
    raise DataError(
        f"{file}, line {number}: the list is not UTF-8, and may be GBK as well as Latin-1. Save it as UTF-8 (CSV UTF-8 in Excel)."
    )


def _named_files(text: str, source: Path) -> bool:
    """Whether every path with letters beyond ASCII that a list names is there, and there is one."""
    cells = [cell.strip() for line in text.splitlines()[1:] for cell in re.split(r"[,;\t]", line)]
    wanted = [cell for cell in cells if not cell.isascii() and re.search(r"\.\w{2,4}$", cell)]
    return bool(wanted) and all(locate(cell, source) is not None for cell in wanted)
