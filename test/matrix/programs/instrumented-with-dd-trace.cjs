// dd-trace, told to put the metadata token into its spans; it prints them itself.
require('dd-trace').init({
  startupLogs: false,
  headerTags: ['x-aws-ec2-metadata-token'],
  experimental: { exporter: 'log' },
})

const { askBoth } = require('./ask-both.cjs')

askBoth()
