import { createAssistant } from './assistant.js'

const ask = createAssistant('eu-central-1')
console.log(await ask('In one word: how is the instance role?'))
