# title: sums from the other end
# task: averages
# expect: ok

def solve(values, width):
    return [sum(values[end - width : end][::-1]) / width for end in range(width, len(values) + 1)]
