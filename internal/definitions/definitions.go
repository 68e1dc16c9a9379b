// Package definitions is RabbitMQ's JSON form of what a broker is set up with: users, vhosts, permissions, queues, exchanges,
// bindings (https://www.rabbitmq.com/docs/definitions). It writes the form and reads it, and says which objects of it Warren cannot
// take yet.
package definitions

import "encoding/json"

// Definitions is the whole file.
type Definitions struct {
	RabbitVersion    string            `json:"rabbit_version"`
	RabbitMQVersion  string            `json:"rabbitmq_version"`
	ProductName      string            `json:"product_name"`
	ProductVersion   string            `json:"product_version"`
	Format           string            `json:"rabbitmq_definition_format"`
	OriginalCluster  string            `json:"original_cluster_name"`
	Explanation      string            `json:"explanation"`
	Users            []User            `json:"users"`
	VHosts           []VHost           `json:"vhosts"`
	Permissions      []Permission      `json:"permissions"`
	TopicPermissions []TopicPermission `json:"topic_permissions"`
	Parameters       []Parameter       `json:"parameters"`
	GlobalParameters []GlobalParameter `json:"global_parameters"`
	Policies         []Policy          `json:"policies"`
	Queues           []Queue           `json:"queues"`
	Exchanges        []Exchange        `json:"exchanges"`
	Bindings         []Binding         `json:"bindings"`

	// OtherLimits are those of vhosts that are not in the file.
	OtherLimits []VHostLimits `json:"-"`
	// OperatorPolicies stand among the parameters.
	OperatorPolicies []Policy `json:"-"`
}

// VHostLimits are the limits of a vhost.
type VHostLimits struct {
	VHost  string
	Limits Limits
}

type (
	User struct {
		Name             string `json:"name"`
		PasswordHash     string `json:"password_hash"`
		HashingAlgorithm string `json:"hashing_algorithm"`
		// Password stands in files that people write, in place of a hash.
		Password string `json:"password,omitempty"`
		Tags     Tags   `json:"tags"`
		Limits   Limits `json:"limits"`
	}
	VHost struct {
		Name             string   `json:"name"`
		Description      string   `json:"description"`
		Tags             Tags     `json:"tags"`
		DefaultQueueType string   `json:"default_queue_type,omitempty"`
		Metadata         Metadata `json:"metadata"`
		Limits           Limits   `json:"limits"`
	}
	// Metadata says once more what a vhost is; versions of RabbitMQ differ in where they say it.
	Metadata struct {
		Description      string `json:"description"`
		Tags             Tags   `json:"tags"`
		DefaultQueueType string `json:"default_queue_type,omitempty"`
	}
	Permission struct {
		User      string `json:"user"`
		VHost     string `json:"vhost"`
		Configure string `json:"configure"`
		Write     string `json:"write"`
		Read      string `json:"read"`
	}
	TopicPermission struct {
		User     string `json:"user"`
		VHost    string `json:"vhost"`
		Exchange string `json:"exchange"`
		Write    string `json:"write"`
		Read     string `json:"read"`
	}
	Parameter struct {
		Component string          `json:"component"`
		VHost     string          `json:"vhost"`
		Name      string          `json:"name"`
		Value     json.RawMessage `json:"value"`
	}
	GlobalParameter struct {
		Name  string          `json:"name"`
		Value json.RawMessage `json:"value"`
	}
	Policy struct {
		VHost      string    `json:"vhost"`
		Name       string    `json:"name"`
		Pattern    string    `json:"pattern"`
		ApplyTo    string    `json:"apply-to"`
		Definition Arguments `json:"definition"`
		Priority   int64     `json:"priority"`
	}
	Queue struct {
		Name       string    `json:"name"`
		VHost      string    `json:"vhost"`
		Durable    *bool     `json:"durable"`
		AutoDelete bool      `json:"auto_delete"`
		Type       string    `json:"type,omitempty"`
		Arguments  Arguments `json:"arguments"`
	}
	Exchange struct {
		Name       string    `json:"name"`
		VHost      string    `json:"vhost"`
		Type       string    `json:"type"`
		Durable    *bool     `json:"durable"`
		AutoDelete bool      `json:"auto_delete"`
		Internal   bool      `json:"internal"`
		Arguments  Arguments `json:"arguments"`
	}
	Binding struct {
		Source          string    `json:"source"`
		VHost           string    `json:"vhost"`
		Destination     string    `json:"destination"`
		DestinationType string    `json:"destination_type"`
		RoutingKey      string    `json:"routing_key"`
		Arguments       Arguments `json:"arguments"`
	}
)

// Limits by their names, such as max-connections.
type Limits map[string]int64

// UnmarshalJSON takes a list as well: for RabbitMQ an empty object may be one.
func (l *Limits) UnmarshalJSON(b []byte) error {
	var items []json.RawMessage
	if json.Unmarshal(b, &items) == nil && len(items) == 0 {
		return nil
	}
	return json.Unmarshal(b, (*map[string]int64)(l))
}
