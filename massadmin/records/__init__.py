"""What the CRM holds: modules and their fields, records, filters, selections and smart lists."""
