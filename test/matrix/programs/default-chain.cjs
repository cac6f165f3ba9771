const { ListBucketsCommand, S3Client } = require('@aws-sdk/client-s3')
const { fromIni, fromInstanceMetadata, fromNodeProviderChain } = require('@aws-sdk/credential-providers')
const useDefaultChain = require('./use-default-chain.cjs')

useDefaultChain({ ListBucketsCommand, S3Client, fromIni, fromInstanceMetadata, fromNodeProviderChain })
