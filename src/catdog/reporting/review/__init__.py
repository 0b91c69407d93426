"""The review page: decide about doubtful images by key, and write the file of corrections."""
