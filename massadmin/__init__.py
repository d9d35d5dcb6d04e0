"""Massadmin: bulk actions on CRM records, previewed, explained per record, reversible."""
