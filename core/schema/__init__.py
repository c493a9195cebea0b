"""What tables look like: read out of a database, later also out of models."""

from .catalog import Catalog, ColumnInfo, ForeignKey, TableInfo, TableName

__all__ = ["Catalog", "ColumnInfo", "ForeignKey", "TableInfo", "TableName"]
