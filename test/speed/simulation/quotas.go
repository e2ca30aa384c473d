package main

// quota lists ECR's default quotas for an account and region, in requests per second; AWS raises all of them
// on request: https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html.
var quota = map[action]float64{
	getToken: 500, getImage: 2000, getLayer: 3000, checkLayer: 1000,
	initiateUpload: 100, uploadPart: 500, completeUpload: 100, putImage: 10,
}

// imagesPerRepository is the default quota of images in a repository (same page; older editions say 10,000).
const imagesPerRepository = 100_000

// The default prices of LAYERCACHE_USD_PER_MINUTE and LAYERCACHE_USD_PER_GB_MONTH.
const (
	usdPerMinute  = 0.005
	usdPerGBMonth = 0.10
)
