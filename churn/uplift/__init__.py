"""Which customers a contact helps: a model of its effect on each customer. The model is used only if it is
shown to choose customers better than their risk does (the probability of the outcome without a contact).
"""
