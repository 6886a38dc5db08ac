"""Pages and pictures that can be kept: HTML and SVG in one file, without script and without anything from elsewhere."""
