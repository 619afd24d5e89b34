"""Which customers a contact helps: a model of the effect on each customer. It is used only if it is shown to
choose better than the risk alone.
"""
