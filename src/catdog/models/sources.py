"""Where the variants of the zoo come from."""

FIRST_POST = (
    'Course blog post "Blog Post: Image Classification": flips horizontally, two convolution blocks'
)
SECOND_POST = (
    'Course blog post "Blog Post 5: Image Classification in Tensorflow" (2021-11-12): '
    "flips both ways, three convolution blocks"
)
OWN = "A variant of catdog's own"
