"""Translators: records of other systems become commands. Pure: no file, no network, no clock."""
