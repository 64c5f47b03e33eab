"""What benchmarks/src/manager.ts holds a manager against. A line on stdin: how often; a line on stdout: the milliseconds."""
import multiprocessing
import sys
import time


def increments(counts, lock, times):
    for _ in range(times):
        with lock:
            counts['n'] += 1


def main():
    what = sys.argv[1]
    with multiprocessing.Manager() as manager:
        counts = manager.dict({'n': 0})
        lock = manager.Lock()
        print('ready', flush=True)
        for line in sys.stdin:
            times = int(line)
            if what == 'increments':
                children = [multiprocessing.Process(target=increments, args=(counts, lock, times // 4)) for _ in range(4)]
            began = time.perf_counter()
            if what == 'pairs':
                for i in range(times):
                    counts['n'] = i
                    counts['n']
            else:
                for child in children:
                    child.start()
                for child in children:
                    child.join()
            print((time.perf_counter() - began) * 1000, flush=True)


if __name__ == '__main__':
    main()
