"""What the HTML pages for people are made with: one look, escaping everywhere, charts as inline SVG, code side by side.

A page is one file. It needs no network and no script, and its Content-Security-Policy allows neither: programs, what models
answered and the names of files are other people's text.
"""
