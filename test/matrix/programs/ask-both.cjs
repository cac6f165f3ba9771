// A load, and a request of the application's own with a token of its own, for a program that records what is sent.
const http = require('node:http')
const { fromInstanceRole } = require('instance-role')

const [endpoint, application, token] = process.argv.slice(2)

exports.askBoth = async () => {
  await fromInstanceRole({ endpoint })()
  await new Promise((resolve, reject) =>
    http
      .get(application, { headers: { 'x-aws-ec2-metadata-token': token } })
      .on('response', (response) => response.resume().on('end', resolve))
      .on('error', reject),
  )
}
