package main

// quota is a default quota of ECR, for an account and region, in requests a second; AWS raises all of them on request:
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html.
var quota = map[action]float64{
	getToken: 500, getImage: 2000, getLayer: 3000, checkLayer: 1000,
	initiateUpload: 100, uploadPart: 500, completeUpload: 100, putImage: 10,
}

// imagesPerRepository is the default quota of images in a repository (the same page; older editions of it say 10,000).
const imagesPerRepository = 100_000

// The prices that LAYERCACHE_USD_PER_MINUTE and LAYERCACHE_USD_PER_GB_MONTH have by default.
const (
	usdPerMinute  = 0.005
	usdPerGBMonth = 0.10
)
