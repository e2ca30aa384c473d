// Package s3 reads and writes objects of a bucket. It signs requests with the SDK and sends them with net/http: the
// SDK's client of S3 would add a third of a megabyte to what every build downloads. Credentials come from the SDK's
// default chain.
package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/encoding/httpbinding"

	"github.com/layercache/layercache/internal/awsendpoint"
)

// Place is the location of objects.
type Place struct {
	Bucket string
	// Prefix comes before every key.
	Prefix string
	// Region is empty for the SDK's default.
	Region string
	// Endpoint replaces the endpoint of S3, with the bucket in the path; empty means S3's own.
	Endpoint string
}

// Client reads and writes the objects of a place.
type Client struct {
	place Place
	// load returns the SDK's configuration, which is loaded once.
	load func() (aws.Config, error)
}

// NewClient returns a client of the place.
func NewClient(place Place) *Client {
	return &Client{place: place, load: sync.OnceValues(func() (aws.Config, error) {
		var options []func(*config.LoadOptions) error
		if place.Region != "" {
			options = append(options, config.WithRegion(place.Region))
		}
		loaded, err := config.LoadDefaultConfig(context.Background(), options...)
		if err == nil && loaded.Region == "" {
			err = errors.New("no region: set AWS_REGION")
		}
		return loaded, err
	})}
}

// Place returns the location of the client's objects.
func (c *Client) Place() Place { return c.place }

// Error is an answer of S3 that is not success.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Code and Message are from the answer; empty if it has none.
	Code, Message string
}

func (e *Error) Error() string {
	text := fmt.Sprintf("S3 answers %d %s", e.Status, http.StatusText(e.Status))
	if e.Code != "" {
		text += ": " + e.Code
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// IsNotFound reports whether the error says that there is no such object.
func IsNotFound(err error) bool {
	var answer *Error
	return errors.As(err, &answer) && answer.Status == http.StatusNotFound
}

// Get opens an object.
func (c *Client) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	response, err := c.do(ctx, request{method: http.MethodGet, key: key})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", c.name(key), err)
	}
	return response.Body, nil
}

// Written returns when an object was last written.
func (c *Client) Written(ctx context.Context, key string) (time.Time, error) {
	response, err := c.do(ctx, request{method: http.MethodHead, key: key})
	if err != nil {
		return time.Time{}, fmt.Errorf("read %s: %w", c.name(key), err)
	}
	_ = response.Body.Close()
	return http.ParseTime(response.Header.Get("Last-Modified"))
}

// Put writes an object.
func (c *Client) Put(ctx context.Context, key string, content []byte) error {
	sum := sha256.Sum256(content)
	return c.put(ctx, key, request{body: strings.NewReader(string(content)), length: int64(len(content)), sha256: hex.EncodeToString(sum[:])})
}

// PutFile writes an object from a file, whose SHA-256 digest is in hexadecimal. S3 refuses content with another digest.
// moved is called with the number of bytes each time that some are sent.
func (c *Client) PutFile(ctx context.Context, key, path, sha256 string, moved func(bytes int)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return c.put(ctx, key, request{body: io.NopCloser(io.TeeReader(file, counter(moved))), length: info.Size(), sha256: sha256})
}

// counter is a writer that reports how much is written.
type counter func(bytes int)

func (c counter) Write(p []byte) (int, error) {
	c(len(p))
	return len(p), nil
}

// Touch writes an object again as it is, so that rules of the bucket for old objects do not remove it.
func (c *Client) Touch(ctx context.Context, key string) error {
	source := "/" + c.place.Bucket + "/" + c.place.Prefix + key
	return c.put(ctx, key, request{header: map[string]string{
		"X-Amz-Copy-Source": httpbinding.EscapePath(source, false), "X-Amz-Metadata-Directive": "REPLACE",
	}})
}

// put writes an object. S3 begins the answer to a copy with status 200 before it copies, so an error may be in the body.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
func (c *Client) put(ctx context.Context, key string, r request) error {
	r.method, r.key = http.MethodPut, key
	response, err := c.do(ctx, r)
	if err == nil {
		defer response.Body.Close()
		var answer *Error
		if answer, err = errorOf(response); errors.Is(err, io.EOF) {
			err = nil // The answer to all but a copy is empty.
		} else if err == nil && answer.Code != "" {
			err = answer
		}
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", c.name(key), err)
	}
	return nil
}

func (c *Client) name(key string) string {
	return "s3://" + c.place.Bucket + "/" + c.place.Prefix + key
}

// request is one request about an object.
type request struct {
	method, key string
	header      map[string]string
	body        io.Reader
	length      int64
	sha256      string
}

// emptySHA256 is the digest of no content.
const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// do signs and sends a request. The caller closes the body of the response.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
func (c *Client) do(ctx context.Context, r request) (*http.Response, error) {
	loaded, err := c.load()
	if err != nil {
		return nil, err
	}
	target, err := c.url(ctx, r.key, loaded.Region)
	if err != nil {
		return nil, err
	}
	credentials, err := loaded.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	signed, err := http.NewRequestWithContext(ctx, r.method, target.String(), r.body)
	if err != nil {
		return nil, err
	}
	signed.URL, signed.ContentLength = target, r.length
	for name, value := range r.header {
		signed.Header.Set(name, value)
	}
	if r.sha256 == "" {
		r.sha256 = emptySHA256
	}
	signed.Header.Set("X-Amz-Content-Sha256", r.sha256)
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if err := signer.SignHTTP(ctx, credentials, signed, r.sha256, "s3", loaded.Region, time.Now()); err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(signed)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close()
	answer, _ := errorOf(response)
	return nil, answer
}

// errorOf returns the error of an answer, and an error if its body cannot be read. Other parts of the answer may have parts
// of the request's signature.
func errorOf(response *http.Response) (*Error, error) {
	var answer struct{ Code, Message string }
	err := xml.NewDecoder(io.LimitReader(response.Body, 16<<10)).Decode(&answer)
	return &Error{Status: response.StatusCode, Code: answer.Code, Message: answer.Message}, err
}

// url returns the address of an object. S3's certificate does not match a host name that begins with a bucket whose
// name has dots.
//
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
func (c *Client) url(ctx context.Context, key, region string) (*url.URL, error) {
	endpoint, path := c.place.Endpoint, "/"+c.place.Prefix+key
	inPath := endpoint != "" || strings.Contains(c.place.Bucket, ".")
	if endpoint == "" {
		var err error
		if endpoint, err = awsendpoint.URL(ctx, "s3", region); err != nil {
			return nil, err
		}
	}
	target, err := url.Parse(endpoint)
	if err != nil || target.Host == "" {
		return nil, fmt.Errorf("the endpoint of S3 %q is not a URL", endpoint)
	}
	if inPath {
		path = "/" + c.place.Bucket + path
	} else {
		target.Host = c.place.Bucket + "." + target.Host
	}
	target.Path = strings.TrimSuffix(target.Path, "/") + path
	target.RawPath = httpbinding.EscapePath(target.Path, false)
	return target, nil
}
