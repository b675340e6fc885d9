// Publishes events as a Go program does: structs by encoding/json, records by sarama with its default partitioner.
// Reads one fact in JSON from each line of the input. Arguments: the brokers, and the two topics.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"
	"strings"
	"time"

	"github.com/Shopify/sarama"
)

// Fact is what the application knows of an event.
type Fact struct {
	Type     string    `json:"type"`
	OrderID  string    `json:"orderId"`
	Status   string    `json:"status"`
	At       time.Time `json:"at"`
	Revision *int64    `json:"revision"`
	EventID  string    `json:"eventId"`
}

// Event is what it publishes.
type Event struct {
	EventType     string         `json:"eventType"`
	OrderID       string         `json:"orderId"`
	OrderStatus   string         `json:"orderStatus,omitempty"`
	PaymentStatus string         `json:"paymentStatus,omitempty"`
	Timestamp     time.Time      `json:"timestamp"`
	Revision      *int64         `json:"revision"`
	EventID       string         `json:"eventId,omitempty"`
	CustomerID    int64          `json:"customerId"`
	Amount        float64        `json:"amount"`
	Receipt       []byte         `json:"receipt"`
	Labels        map[string]int `json:"labels"`
	Coupon        *string        `json:"coupon"`
	Note          string         `json:"note"`
}

var amounts = []float64{1e21, 1e-7, 10.5, 0.1, 100000000000000000000, 0}

func eventOf(fact Fact, number int) Event {
	event := Event{
		EventType: fact.Type,
		OrderID:   fact.OrderID,
		// Clocks of Go count nanoseconds.
		Timestamp:  fact.At.Add(456789 * time.Nanosecond),
		Revision:   fact.Revision,
		EventID:    fact.EventID,
		CustomerID: 7328465923847562342,
		Amount:     amounts[number%len(amounts)],
		Receipt:    []byte{1, 2, 255},
		Labels:     map[string]int{"zone": 3, "area": 1},
		Note:       "<a href=\"/?a=1&b=2\">caf\u00e9\u2028</a>",
	}
	if fact.Type == "ORDER" {
		event.OrderStatus = fact.Status
	} else {
		event.PaymentStatus = fact.Status
	}
	return event
}

func main() {
	config := sarama.NewConfig()
	config.Version = sarama.V2_1_0_0
	config.Producer.Return.Successes = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	producer, err := sarama.NewSyncProducer(strings.Split(os.Args[1], ","), config)
	if err != nil {
		log.Fatal(err)
	}
	topics := map[string]string{"ORDER": os.Args[2], "PAYMENT": os.Args[3]}
	var messages []*sarama.ProducerMessage
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var fact Fact
		if err := json.Unmarshal(lines.Bytes(), &fact); err != nil {
			log.Fatal(err)
		}
		value, err := json.Marshal(eventOf(fact, len(messages)))
		if err != nil {
			log.Fatal(err)
		}
		messages = append(messages, &sarama.ProducerMessage{
			Topic: topics[fact.Type],
			Key:   sarama.StringEncoder(fact.OrderID),
			Value: sarama.ByteEncoder(value),
		})
	}
	if err := producer.SendMessages(messages); err != nil {
		log.Fatal(err)
	}
	if err := producer.Close(); err != nil {
		log.Fatal(err)
	}
}
