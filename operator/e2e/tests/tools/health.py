"""Runs one of Argo CD's health checks on the object that standard input gives as JSON: health.py SCRIPT.lua"""
import json
import sys

import lupa

lua = lupa.LuaRuntime(unpack_returned_tuples=True)


def table(value):
    if isinstance(value, dict):
        return lua.table_from({key: table(item) for key, item in value.items()})
    if isinstance(value, list):
        return lua.table_from([table(item) for item in value])
    return value


check = lua.eval("function(source) return load('local obj = ... ' .. source) end")(open(sys.argv[1]).read())
health = check(table(json.load(sys.stdin)))
print(health["status"], "-", health["message"])
