const { Pool } = require('@multiproc/pool')

async function main() {
  const pool = new Pool(2)
  console.log(await pool.apply((word) => word, ['ok']))
  await pool.close()
}
main()
