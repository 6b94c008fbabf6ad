"""The page at /: a playground over this server's own routes. Three static files and nothing from any other host.

index.html    what there is to see
page.css      how it looks
app.js        the playground, the radix tree, the programs, the counts; api.js: the routes as functions
routes.py     serves them, with a Content-Security-Policy that allows this server alone
"""
