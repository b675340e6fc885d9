// Writes events as a program of .NET does whose JSON comes from Newtonsoft.Json. Reads one fact in JSON from each line of the
// file that the argument names, and writes the event once in each of three forms.
using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using Newtonsoft.Json;
using Newtonsoft.Json.Converters;

namespace Shop
{
    public enum OrderStatus { CREATED }

    public enum PaymentStatus
    {
        PAYMENT_AUTHORIZED,
        PAYMENT_AUHTORIZED,
        PAYMENT_AUTH_WITHPENDING_REVIEW,
        AUTHORIZATION_REVIEW_ACCEPTED,
        AUTHORIZATION_REVIEW_DECLINED,
    }

    public class Fact
    {
        public string type { get; set; }
        public string orderId { get; set; }
        public string status { get; set; }
        public DateTimeOffset at { get; set; }
        public int? revision { get; set; }
        public string eventId { get; set; }
    }

    public class Event
    {
        public string EventType { get; set; }
        public string OrderId { get; set; }
        public OrderStatus? OrderStatus { get; set; }
        public PaymentStatus? PaymentStatus { get; set; }
        public DateTime Timestamp { get; set; }
        public int? Revision { get; set; }
        public string EventId { get; set; }
        public decimal Amount { get; set; }
        public double Rate { get; set; }
        public string Note { get; set; }
        public List<string> Labels { get; set; }
    }

    public static class Producer
    {
        static Event EventOf(Fact fact)
        {
            var isOrder = fact.type == "ORDER";
            return new Event
            {
                EventType = fact.type,
                OrderId = fact.orderId,
                OrderStatus = isOrder ? (OrderStatus?)Enum.Parse(typeof(OrderStatus), fact.status) : null,
                PaymentStatus = isOrder ? null : (PaymentStatus?)Enum.Parse(typeof(PaymentStatus), fact.status),
                // A column of a database without a zone gives a time of no kind.
                Timestamp = DateTime.SpecifyKind(fact.at.UtcDateTime, DateTimeKind.Unspecified).AddTicks(4567),
                Revision = fact.revision,
                EventId = fact.eventId,
                Amount = 10.50m,
                Rate = 1e21,
                Note = "<caf\u00e9 & 'bar'>",
                Labels = new List<string> { "a" },
            };
        }

        public static void Main(string[] arguments)
        {
            var utf8 = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false));
            var dates = new JsonSerializerSettings { DateParseHandling = DateParseHandling.DateTimeOffset };
            var forms = new Dictionary<string, JsonSerializerSettings>
            {
                { "numbers", new JsonSerializerSettings() },
                { "names", new JsonSerializerSettings { Converters = { new StringEnumConverter() } } },
                {
                    "types",
                    new JsonSerializerSettings
                    {
                        Converters = { new StringEnumConverter() },
                        TypeNameHandling = TypeNameHandling.All,
                        DateFormatHandling = DateFormatHandling.MicrosoftDateFormat,
                    }
                },
            };
            foreach (var line in File.ReadAllLines(arguments[0], Encoding.UTF8))
            {
                var fact = JsonConvert.DeserializeObject<Fact>(line, dates);
                foreach (var form in forms)
                    utf8.Write(form.Key + "\t" + JsonConvert.SerializeObject(EventOf(fact), form.Value) + "\n");
            }
            utf8.Flush();
        }
    }
}
