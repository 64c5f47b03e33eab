const { Lock, Process } = require('multiproc')

const lock = new Lock()
new Process({ target: () => lock.runExclusive(() => console.log('ok')) }).start()
