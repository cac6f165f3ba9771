import { createAmazonBedrock } from '@ai-sdk/amazon-bedrock'
import { generateText } from 'ai'
import { fromInstanceRole } from 'instance-role'

/** Asks a model of Amazon Bedrock, through the Vercel AI SDK, as the instance's role. */
export function createAssistant(region: string): (question: string) => Promise<string> {
  // Called before each request, so that renewed credentials are used at once.
  const bedrock = createAmazonBedrock({ region, credentialProvider: fromInstanceRole() })
  const model = bedrock('amazon.nova-micro-v1:0')
  return async (prompt) => {
    const { text } = await generateText({ model, prompt })
    return text
  }
}
