import { library } from '../../tools/tsup.ts'

export default library(['src/child/worker-main.ts'])
