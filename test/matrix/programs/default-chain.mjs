import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3'
import { fromIni, fromInstanceMetadata, fromNodeProviderChain } from '@aws-sdk/credential-providers'
import useDefaultChain from './use-default-chain.cjs'

await useDefaultChain({ ListBucketsCommand, S3Client, fromIni, fromInstanceMetadata, fromNodeProviderChain })
