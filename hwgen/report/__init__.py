"""One page that shows a build: ``data`` gathers, ``svg`` and ``charts`` draw, ``page`` writes."""
