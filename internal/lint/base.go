package lint

import (
	"fmt"
	"slices"
	"strings"
)

// checkBase reports base images whose content can change under the same name.
func checkBase(c *checker) {
	for _, s := range c.stages {
		image, known := c.expand(s.base)
		if s.parent != nil || !known || image == "" || image == "scratch" || strings.Contains(image, "@") || c.stageNamed(image) != nil {
			continue
		}
		_, tag, tagged := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
		a := advice{
			change: "pin a version and its digest, NAME:VERSION@sha256:…; docker buildx imagetools inspect " + image + " prints the digest",
			effect: "the cache is lost only when you choose a new base image; Renovate or Dependabot can propose each new digest. " +
				"With an ECR pull-through cache, the image of a digest comes from the upstream registry until its tag has been pulled too, for example by layercache prewarm",
		}
		switch {
		case !tagged:
			a.message = fmt.Sprintf("%s has no tag, which means latest: when that tag is pushed again, every step of the stage runs again", image)
		case tag == "latest":
			a.message = fmt.Sprintf("the tag of %s moves: when it is pushed again, every step of the stage runs again", image)
		default:
			a.level = Info
			a.message = fmt.Sprintf("%s has no digest: when the tag is pushed again, every step of the stage runs again", image)
		}
		if repository, _, _ := strings.Cut(image, ":"); !strings.Contains(image, "/") && !slices.Contains(officialImages, repository) {
			a.level = Info
			a.message += "; this does not apply to a local image or a named context"
		}
		c.report(s.from, a)
	}
}

// officialImages lists Docker Official Images, by which a name without a namespace is known to be an image of
// Docker Hub. Another such name may be a local image or a named context.
var officialImages = []string{
	"adminer", "almalinux", "alpine", "alt", "amazoncorretto", "amazonlinux", "arangodb", "archlinux", "bash", "buildpack-deps", "busybox", "caddy",
	"cassandra", "centos", "chronograf", "cirros", "clearlinux", "clojure", "composer", "consul", "couchbase", "couchdb", "crate", "dart", "debian",
	"docker", "drupal", "eclipse-mosquitto", "eclipse-temurin", "elasticsearch", "elixir", "erlang", "fedora", "flink", "fluentd", "gazebo", "gcc",
	"geonetwork", "ghost", "golang", "gradle", "groovy", "haproxy", "haskell", "haxe", "hitch", "hello-world", "httpd", "hylang", "ibmjava", "influxdb",
	"irssi", "jetty", "jenkins", "joomla", "jruby", "julia", "kapacitor", "kibana", "kong", "logstash", "mageia", "mariadb", "matomo", "maven", "mediawiki",
	"memcached", "mongo", "mongo-express", "mono", "mysql", "nats", "neo4j", "neurodebian", "nextcloud", "nginx", "node", "openjdk", "opensuse",
	"oraclelinux", "perl", "photon", "php", "phpmyadmin", "plone", "postgres", "pypy", "python", "r-base", "rabbitmq", "rakudo-star", "redis", "redmine",
	"registry", "rethinkdb", "rockylinux", "ros", "ruby", "rust", "sapmachine", "silverpeas", "solr", "sonarqube", "spark", "spiped", "storm", "swift",
	"swipl", "teamspeak", "telegraf", "tomcat", "tomee", "traefik", "ubuntu", "unit", "varnish", "vault", "wordpress", "xwiki", "yourls", "znc", "zookeeper",
}
