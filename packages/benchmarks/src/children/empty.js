// An empty program; with the argument 'idle' it says so and stays.
if (process.argv[2] === 'idle') {
  console.log('idle')
  setInterval(() => {}, 1000)
}
