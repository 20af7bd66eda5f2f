"""SVG elements as escaped markup."""

from __future__ import annotations

from markupsafe import Markup, escape

_OPEN, _CLOSED = Markup("<{name}{attributes}>{children}</{name}>"), Markup("<{name}{attributes}/>")
_ATTRIBUTE = Markup(' {name}="{value}"')


def element(name: str, *children: Markup | str, **attributes: object) -> Markup:
    """``<name attributes>children</name>``; everything that is not Markup is escaped, None is left out.

    ``class_`` and ``stroke_width`` stand for ``class`` and ``stroke-width``; ``view_box`` for ``viewBox``.
    """
    shown = Markup("").join(
        _ATTRIBUTE.format(name="viewBox" if key == "view_box" else key.rstrip("_").replace("_", "-"), value=_number(value))
        for key, value in attributes.items() if value is not None
    )
    inside = Markup("").join(escape(child) for child in children)
    return (_OPEN if children else _CLOSED).format(name=Markup(name), attributes=shown, children=inside)


def _number(value: object) -> object:
    """Floats in at most three places, without a tail of zeros."""
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


def percent(part: float, whole: float) -> str:
    """A coordinate along an axis of length ``whole`` that stretches with the page."""
    return f"{_number(100.0 * part / whole)}%" if whole else "0%"


def track(*children: Markup, height: int, class_: str) -> Markup:
    """A drawing as wide as its place, of fixed height; horizontal coordinates inside are `percent`."""
    return element("svg", *children, class_=class_, width="100%", height=height, aria_hidden="true")
