// Host names, targets of tunnels, and the local authority's files and certificates.
#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "wire/proxy/aws_hosts.h"
#include "wire/proxy/certificates.h"
#include "wire/proxy/local_authority.h"
#include "wire/proxy/tunnel_target.h"
#include "wire/server/tls_session.h"

namespace tidemill::wire {
namespace {

namespace filesystem = std::filesystem;

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/tidemill-proxy-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Folder() { filesystem::remove_all(path_); }
  const filesystem::path& path() const { return path_; }

 private:
  filesystem::path path_;
};

const ManualClock& clock_of_2026() {
  static const ManualClock clock(*parse_iso8601("2026-11-29T12:00:00Z"));
  return clock;
}

// What a client does: 0 (X509_V_OK) when it trusts the chain for that host.
int verify(const Certificate& authority, const Certificate& host, const char* name, Timestamp now) {
  X509_STORE* store = X509_STORE_new();
  X509_STORE_add_cert(store, authority.get());
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, host.get(), nullptr);
  X509_VERIFY_PARAM* wanted = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set1_host(wanted, name, 0);
  X509_VERIFY_PARAM_set_time(wanted, time_t(now.microseconds / 1'000'000));
  X509_VERIFY_PARAM_set_flags(wanted, X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_purpose(wanted, X509_PURPOSE_SSL_SERVER);
  const int result = X509_verify_cert(context) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  return result;
}

TEST(AwsHosts, NamesOfApisAreAws) {
  for (const char* host :
       {"sts.us-east-1.amazonaws.com", "sts.amazonaws.com", "iam.amazonaws.com",
        "bucket.s3.us-east-1.amazonaws.com", "my.dotted.bucket.s3.amazonaws.com",
        "s3.dualstack.us-east-1.amazonaws.com", "api.sagemaker-fips.us-east-1.amazonaws.com",
        "logs.us-east-1.api.aws", "STS.US-EAST-1.AMAZONAWS.COM", "sts.cn-north-1.amazonaws.com.cn"})
    EXPECT_TRUE(is_aws_host(host)) << host;
}

TEST(AwsHosts, OtherNamesAreNot) {
  for (const char* host :
       {"", "amazonaws.com", "amazonaws.com.evil.org", "notamazonaws.com", "x.notamazonaws.com",
        "pypi.org", "aws.amazon.com", "api.aws.evil.org", ".amazonaws.com", "a..amazonaws.com",
        "a b.amazonaws.com", "a\r\n.amazonaws.com", "127.0.0.1", "sts.amazonaws.com.",
        "DNS:evil,a.amazonaws.com"})
    EXPECT_FALSE(is_aws_host(host)) << host;
}

TEST(TunnelTarget, AuthoritiesAreTakenApart) {
  EXPECT_EQ(parse_authority("pypi.org:443")->host, "pypi.org");
  EXPECT_EQ(parse_authority("pypi.org:443")->port, 443);
  EXPECT_EQ(parse_authority("[2001:db8::1]:8443")->host, "2001:db8::1");
  for (const char* text :
       {"", ":", "a:", ":443", "a:0", "a:65536", "a:4 4", "a:-1", "a:443x", "2001:db8::1:443",
        "[::1:443", "::1]:443", "user@host:443", "[]:1", "fe80::1%eth0:443", "a:+443"})
    EXPECT_FALSE(parse_authority(text)) << text;
}

TEST(TunnelTarget, NoTunnelLeadsToThisMachineOrToMetadata) {
  for (const char* address : {"127.0.0.1",
                              "127.9.9.9",
                              "::1",
                              "::ffff:127.0.0.1",
                              "64:ff9b::7f00:1",
                              "::7f00:1",
                              "0.0.0.0",
                              "0.1.2.3",
                              "::",
                              "169.254.169.254",
                              "169.254.170.2",
                              "::ffff:169.254.169.254",
                              "64:ff9b::a9fe:a9fe",
                              "fe80::1",
                              "fd00:ec2::254",
                              "100.100.100.200",
                              "168.63.129.16",
                              "224.0.0.1",
                              "255.255.255.255",
                              "240.0.0.1",
                              "ff02::1",
                              "nonsense",
                              ""})
    EXPECT_TRUE(tunnel_refusal(address)) << address;
  for (const char* address : {"151.101.0.223", "10.255.254.253", "2a04:4e42::223", "198.51.100.7"})
    EXPECT_FALSE(tunnel_refusal(address)) << address;
}

TEST(LocalAuthority, IsMadeOnceWithAPrivateKeyFile) {
  Folder folder;
  auto first = LocalAuthority::load_or_create(folder.path(), clock_of_2026());
  ASSERT_TRUE(first) << first.error().message;
  struct stat status{};
  ASSERT_EQ(::stat((folder.path() / "authority-key.pem").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  auto second = LocalAuthority::load_or_create(folder.path(), clock_of_2026());
  ASSERT_TRUE(second);
  EXPECT_EQ((*first)->certificate_pem(), (*second)->certificate_pem());
}

TEST(LocalAuthority, AKeyWithoutItsCertificateGoesOn) {
  Folder folder;
  ASSERT_TRUE(LocalAuthority::load_or_create(folder.path(), clock_of_2026()));
  filesystem::remove(folder.path() / "authority.pem");  // what a crash between the two leaves
  EXPECT_TRUE(LocalAuthority::load_or_create(folder.path(), clock_of_2026()));
}

TEST(LocalAuthority, RefusesWhatOthersMayReadAndWhatIsDamaged) {
  Folder folder;
  ASSERT_TRUE(LocalAuthority::load_or_create(folder.path(), clock_of_2026()));
  const filesystem::path key = folder.path() / "authority-key.pem";
  ::chmod(key.c_str(), 0644);
  auto open = LocalAuthority::load_or_create(folder.path(), clock_of_2026());
  ASSERT_FALSE(open);
  EXPECT_NE(open.error().message.find("chmod 600"), std::string::npos);
  ::chmod(key.c_str(), 0600);
  std::ofstream(key) << "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
  EXPECT_EQ(LocalAuthority::load_or_create(folder.path(), clock_of_2026()).error().code,
            codes::kCorrupt);
  Folder other;
  ASSERT_TRUE(LocalAuthority::load_or_create(other.path(), clock_of_2026()));
  filesystem::copy_file(other.path() / "authority-key.pem", key,
                        filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(LocalAuthority::load_or_create(folder.path(), clock_of_2026()).error().code,
            codes::kCorrupt);
  filesystem::remove(key);
  EXPECT_EQ(LocalAuthority::load_or_create(folder.path(), clock_of_2026()).error().code,
            codes::kCorrupt);
}

TEST(LocalAuthority, ACertificateOfAWrongClockIsReplaced) {
  for (const char* wrong : {"1970-01-02T00:00:00Z", "2099-01-01T00:00:00Z"}) {
    Folder folder;
    const ManualClock set_wrong(*parse_iso8601(wrong));
    const std::string made =
        (*LocalAuthority::load_or_create(folder.path(), set_wrong))->certificate_pem();
    const std::string right =
        (*LocalAuthority::load_or_create(folder.path(), clock_of_2026()))->certificate_pem();
    EXPECT_NE(right, made);
    EXPECT_TRUE(is_valid_at(std::move(*parse_certificate(right, "it")), clock_of_2026().now()));
    EXPECT_EQ((*LocalAuthority::load_or_create(folder.path(), clock_of_2026()))->certificate_pem(),
              right);
  }
}

TEST(LocalAuthority, ContextsAreKeptRenewedAndBounded) {
  Folder folder;
  ManualClock clock(*parse_iso8601("2026-11-29T12:00:00Z"));
  auto authority = LocalAuthority::load_or_create(folder.path(), clock);
  ASSERT_TRUE(authority);
  auto first = (*authority)->context_for("sts.amazonaws.com");
  ASSERT_TRUE(first);
  EXPECT_EQ(*first, *(*authority)->context_for("STS.amazonaws.com"));
  EXPECT_TRUE((*first)->serves("sts.amazonaws.com"));
  EXPECT_FALSE((*first)->serves("iam.amazonaws.com"));
  EXPECT_EQ((*authority)->context_for("pypi.org").error().code, codes::kInvalid);
  for (std::size_t i = 0; i < host_certificates_max - 1; ++i)
    ASSERT_TRUE((*authority)->context_for("b" + std::to_string(i) + ".s3.amazonaws.com"));
  EXPECT_EQ(*first, *(*authority)->context_for("sts.amazonaws.com"));
  ASSERT_TRUE((*authority)->context_for("one-more.s3.amazonaws.com"));
  EXPECT_EQ(*first, *(*authority)->context_for("sts.amazonaws.com"));  // used lately
  clock.advance(host_certificate_time / 2 + std::chrono::hours(1));
  EXPECT_NE(*first, *(*authority)->context_for("sts.amazonaws.com"));
}

TEST(Certificates, AHostsChainVerifiesForThatHostAlone) {
  const Timestamp now = clock_of_2026().now();
  const PrivateKey authority_key = *make_private_key(), host_key = *make_private_key();
  const Certificate authority =
      std::move(*make_authority_certificate(authority_key, aws_domains(), now));
  const std::chrono::hours lifetime{24};
  auto of = [&](const std::string& host) {
    return std::move(
        *make_host_certificate(host, host_key, authority, authority_key, now, lifetime));
  };
  const Certificate sts = of("sts.us-east-1.amazonaws.com");
  EXPECT_EQ(verify(authority, sts, "sts.us-east-1.amazonaws.com", now), X509_V_OK);
  EXPECT_EQ(verify(authority, sts, "iam.amazonaws.com", now), X509_V_ERR_HOSTNAME_MISMATCH);
  EXPECT_EQ(verify(authority, sts, "sts.us-east-1.amazonaws.com", now + std::chrono::hours(25)),
            X509_V_ERR_CERT_HAS_EXPIRED);
  // Were the key stolen, it would be of no use against other hosts.
  EXPECT_EQ(verify(authority, of("pypi.org"), "pypi.org", now), X509_V_ERR_PERMITTED_VIOLATION);
}

}  // namespace
}  // namespace tidemill::wire
