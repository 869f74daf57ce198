"""URMP: real chamber music, one stem and one seat a player."""
