import { library } from '../../tools/tsup.ts'

export default library(['src/cli/main.ts'])
