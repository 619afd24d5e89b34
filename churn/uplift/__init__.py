"""Which customers a contact helps: a model of the effect on each customer, which is used only if it is shown
to be better.
"""
