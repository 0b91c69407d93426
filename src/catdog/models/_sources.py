"""The two write-ups whose recipes the zoo reproduces."""

FIRST_POST = (
    'Course write-up "Blog Post: Image Classification": flips horizontally, two convolution blocks'
)
SECOND_POST = (
    'Course write-up "Blog Post 5: Image Classification in Tensorflow" (2021-11-12): '
    "flips both ways, three convolution blocks"
)
