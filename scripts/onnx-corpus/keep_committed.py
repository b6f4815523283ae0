"""Copies the files of committed.txt with their answers. usage: keep_committed.py FROM TO"""
import json
import os
import shutil
import sys

source, target = sys.argv[1:]
os.makedirs(target, exist_ok=True)
names = open("committed.txt").read().split()
answers = json.load(open(os.path.join(source, "answers.json")))
for name in names:
    for file in (name, f"{name}.data"):
        if os.path.exists(os.path.join(source, file)):
            shutil.copyfile(os.path.join(source, file), os.path.join(target, file))
with open(os.path.join(target, "answers.json"), "w") as file:
    rows = [f"{json.dumps(name)}: {json.dumps(answers[name])}" for name in names]
    file.write("{\n" + ",\n".join(rows) + "\n}\n")
