"""Which customers a contact helps: a model of the effect on each customer, used only if proved better."""
