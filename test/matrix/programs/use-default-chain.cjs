// What every way to the default credentials comes to, in either format; it knows nothing of instance-role.
module.exports = async function useDefaultChain(sdk) {
  const { ListBucketsCommand, S3Client, fromIni, fromInstanceMetadata, fromNodeProviderChain } = sdk
  const [aws] = process.argv.slice(2)
  const configuration = { region: 'eu-central-1', endpoint: aws, forcePathStyle: true }
  const clients = Array.from({ length: 10 }, () => new S3Client(configuration))
  const list = (client) =>
    client.send(new ListBucketsCommand({})).then(
      () => 'accepted',
      ({ name, message }) => `${name}: ${message}`,
    )
  const keyOf = (provider) =>
    provider().then(
      ({ accessKeyId }) => accessKeyId,
      ({ name, message }) => `${name}: ${message}`,
    )
  const calls = await Promise.all(clients.map(list))
  const roleAssumer = (source) => Promise.resolve(source)
  const seen = {
    calls: [...new Set(calls)].join(),
    nodeProviderChain: await keyOf(fromNodeProviderChain()),
    // A profile with `credential_source = Ec2InstanceMetadata`.
    profile: await keyOf(fromIni({ profile: 'by-source', roleAssumer })),
    instanceMetadata: await keyOf(fromInstanceMetadata()),
  }
  console.log(JSON.stringify(seen))
}
