"""One image at a time: formats, the one decoder, what users pass as images, thumbnails."""
