"""Where the recipes of the zoo come from."""

FIRST_POST = (
    'Course blog post "Blog Post: Image Classification": flips horizontally, two convolution blocks'
)
SECOND_POST = (
    'Course blog post "Blog Post 5: Image Classification in Tensorflow" (2021-11-12): '
    "flips both ways, three convolution blocks"
)
OWN = "A recipe of catdog's own"
