"""The page itself: one HTML file that needs nothing else, from `page.html.jinja` and `style.css`.

Names in a model are foreign text.  The template escapes everything; here they are made printable, cut, and kept apart from the
direction of the text around them.  A content policy of the page allows its own style sheet, by hash, and nothing else: no script,
no address, no style attribute.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup

from hwgen import __version__
from hwgen.errors import clean
from hwgen.report import charts
from hwgen.report.data import PageData, gather
from hwgen.report.reproduce import inputs_file
from hwgen.rtl.atomic import write_text
from hwgen.rtl.build_directory import Build
from hwgen.rtl.manifest import StreamRecord

REPORT: Final = "report.html"
_FOLDER: Final = Path(__file__).resolve().parent
_SHORT: Final = 34
_LISTED: Final = 16
_NAME: Final = Markup('<bdi class="name">{}</bdi>')


def _name(text: object) -> Markup:
    """A foreign name, whole up to the length that `clean` allows."""
    return _NAME.format(clean(text))


def _short_name(text: object) -> Markup:
    """A foreign name for a narrow place: its middle is left out, since the ends tell layers apart."""
    shown = clean(text)
    if len(shown) > _SHORT:
        shown = f"{shown[: _SHORT // 3]}…{shown[-2 * _SHORT // 3 + 1 :]}"
    return _NAME.format(shown)


def _count(number: float) -> Markup:
    """An integer with a minus sign and thin spaces between thousands."""
    return Markup("&#8239;").join(f"{number:,.0f}".replace("-", "−").split(","))


def _share(number: float) -> str:
    """A share in percent; never ``0 %`` for something, never ``100 %`` for less than all."""
    shown = 100 * number
    if 0 < shown < 0.05:
        return "< 0.1 %"
    if 99.95 < shown < 100:
        return "> 99.9 %"
    return f"{shown:.0f} %" if shown in (0, 100) else f"{shown:.1f} %"


def _some(numbers: tuple[float, ...]) -> str:
    """All digits of a few numbers; of many, between what they lie."""
    if len(numbers) <= _LISTED:
        return ", ".join(map(repr, numbers)) + ("" if len(numbers) == 1 else " by channel")
    return f"{min(numbers)!r} to {max(numbers)!r} by channel; manifest.json lists all {len(numbers)}"


_PORT_ROWS: Final[tuple[tuple[str, Callable[[StreamRecord], str]], ...]] = (
    ("Shape", lambda s: _shape(s.shape)),
    ("Shape as it passes, channels last", lambda s: _shape(s.device_shape)),
    ("Codes", lambda s: f"{'bipolar' if s.bipolar else 'signed' if s.signed else 'unsigned'}, {_bits(s.element_bits)}"),
    ("Padded to", lambda s: f"{_bits(s.padded_bits)} each"),
    ("A beat", lambda s: f"{s.lanes} elements, {_bits(s.lanes * s.padded_bits)}, the first in the lowest bits"),
    ("Beats a tensor", lambda s: str(s.beats)),
    ("Scale", lambda s: _some(s.scale)),
    ("Offset", lambda s: _some(s.offset)),
)


def _shape(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def _host_work(stream: StreamRecord, *, comes_in: bool) -> str | None:
    """What the host does to a tensor before it sends it, or after it got it, in NumPy's words; None where that is nothing."""
    before, after = (stream.shape, stream.device_shape) if comes_in else (stream.device_shape, stream.shape)
    words = "x"
    if stream.dims != before:
        words += f".reshape{stream.dims}"
    if stream.order != tuple(range(len(stream.order))):
        words += f".transpose{stream.order}"
    if tuple(stream.dims[axis] for axis in stream.order) != after:
        words += f".reshape{after}"
    return None if words == "x" else words


def _bits(number: int) -> str:
    return "1 bit" if number == 1 else f"{number} bits"


_PARTS: Final = tuple(
    (title.lower(), title)
    for title in (
        "Network", "Cycles", "Timeline", "Memory", "Area", "Clock", "Values", "Verification", "Ports", "Reproduce", "Versions",
    )
)


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )
    environment.filters.update(clean=clean, name=_name, short_name=_short_name, count=_count, share=_share)
    return environment


def _policy(style: str) -> str:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def render(data: PageData) -> str:
    """The page; the same data give the same bytes."""
    paths = [s.layer.path for s in data.stages]
    style = (_FOLDER / "style.css").read_text(encoding="utf-8")
    return _environment().get_template("page.html.jinja").render(
        data=data, charts=charts, hwgen_version=__version__, policy=_policy(style), style=Markup(style),  # our own file
        alone=charts.timeline_chart(data.alone, paths), many=charts.timeline_chart(data.many, paths), parts=_PARTS,
        port_rows=_PORT_ROWS, streams=(*data.manifest.inputs, *data.manifest.outputs), host_work=_host_work,
        inputs_file=inputs_file(data.manifest),
    )


def write_page(build: Build, out: Path | None = None) -> Path:
    """Writes the page of a build into the build directory, or to ``out``; returns where.  Raises HwgenError where it cannot."""
    path = out or build.folder / REPORT
    write_text(path, render(gather(build)))
    return path
