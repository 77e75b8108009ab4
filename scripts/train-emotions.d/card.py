def written(model, dev, found):
    return "draft\n"
