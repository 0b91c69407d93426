"""Reports and pages about data and models, for people who would rather look than read."""
