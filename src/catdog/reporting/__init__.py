"""The report on a model and its data: what it contains, and the HTML file that shows it."""
