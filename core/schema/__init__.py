"""What tables look like: read out of a database, later also out of models."""

from .catalog import Catalog, ColumnInfo, TableInfo, TableName

__all__ = ["Catalog", "ColumnInfo", "TableInfo", "TableName"]
