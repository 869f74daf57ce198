"""What a training needs of records and models, and what it tells its user of them."""
