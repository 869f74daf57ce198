"""CocoChorales: synthesized chorales of four parts, one stem a part."""
