// The same packages from CommonJS: require() of an ES module.
const { Process, Queue } = require('multiproc')

async function child(queue) {
  await queue.put(typeof require)
}

async function main() {
  const queue = new Queue()
  const one = new Process({ target: child, args: [queue] })
  one.start()
  console.log('require in the child:', await queue.get())
  console.log('joined:', await one.join(), one.exitCode)
}

main()
